"use strict";
// Sorting, filtering and paging of tables, and the buttons that copy commands. Without
// this script the page shows the same, with every row.
(() => {
  const PAGE = 50;
  const MOST_CHOICES = 200;
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  function make(tag, properties, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  // What a cell is sorted by: a number, a text, or null, which comes last.
  function sortKey(cell) {
    const { n, t } = cell.dataset;
    if (n !== undefined) return n === "" ? null : Number(n);
    return t ?? cell.textContent;
  }

  function compare(a, b) {
    const byNumber = typeof a === "number";
    if (byNumber !== (typeof b === "number")) return byNumber ? -1 : 1;
    return byNumber ? a - b : collator.compare(a, b);
  }

  function sorted(rows, column, direction) {
    const keyed = rows.map((row) => [sortKey(row.element.cells[column]), row]);
    const missing = keyed.filter(([key]) => key === null);
    const known = keyed.filter(([key]) => key !== null);
    known.sort(([a], [b]) => direction * compare(a, b));
    return [...known, ...missing].map(([, row]) => row);
  }

  class DataTable {
    constructor(section) {
      this.body = section.querySelector("tbody");
      this.heads = [...section.querySelectorAll("th")];
      this.noun = section.closest("#runs") ? "runs" : "rows";
      this.original = [...this.body.rows].map((element) => ({
        element,
        words: [...element.cells].map((cell) => cell.textContent).join(" ").toLowerCase(),
      }));
      this.rows = this.original;
      this.choices = new Map();
      this.page = 0;
      this.status = section.querySelector("[role=status]");
      this.addPager(section.querySelector(".pager"));
      this.heads.forEach((head, column) => this.addSorting(head, column));
      const tools = section.querySelector(".tools");
      if (tools) this.addFilters(tools);
      this.show();
    }

    addPager(pager) {
      const step = (by) => () => {
        this.page += by;
        this.show();
      };
      this.back = make("button", { type: "button", onclick: step(-1) }, "Previous");
      this.next = make("button", { type: "button", onclick: step(1) }, "Next");
      this.place = make("span", {});
      this.steps = make("div", {}, this.back, this.place, this.next);
      pager.append(this.steps);
    }

    addSorting(head, column) {
      const button = make("button", { type: "button" }, ...head.childNodes);
      button.onclick = () => this.sort(head, column);
      head.append(button);
    }

    // Ascending, then descending, then the order of the report.
    sort(head, column) {
      const before = head.getAttribute("aria-sort");
      this.heads.forEach((other) => other.removeAttribute("aria-sort"));
      this.rows = this.original;
      if (before !== "descending") {
        const isDown = before === "ascending";
        head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
        this.rows = sorted(this.original, column, isDown ? -1 : 1);
      }
      this.body.append(...this.rows.map((row) => row.element));
      this.page = 0;
      this.show();
    }

    addFilters(tools) {
      const changed = () => {
        this.page = 0;
        this.show();
      };
      this.search = tools.querySelector("input");
      this.search.oninput = changed;
      tools.onsubmit = (event) => event.preventDefault();
      this.heads.forEach((head, column) => {
        if (head.dataset.choices === undefined) return;
        const values = new Set(this.original.map((row) => this.text(row, column)));
        if (values.size < 2 || values.size > MOST_CHOICES) return;
        const options = [...values].sort(collator.compare).map((v) => new Option(v, v));
        const select = make("select", { onchange: changed });
        select.append(new Option("all", "", true, true), ...options);
        this.choices.set(column, select);
        tools.append(make("label", {}, head.textContent, " ", select));
      });
      tools.hidden = false;
    }

    text(row, column) {
      return row.element.cells[column].textContent;
    }

    matches(row, words) {
      for (const [column, select] of this.choices) {
        // The first option is "all"; the value of another one may be empty.
        const all = select.selectedIndex === 0;
        if (!all && this.text(row, column) !== select.value) return false;
      }
      return words.every((word) => row.words.includes(word));
    }

    show() {
      const query = this.search ? this.search.value.toLowerCase() : "";
      const words = query.split(/\s+/).filter(Boolean);
      let count = 0;
      for (const row of this.rows) {
        const isMatch = this.matches(row, words);
        const isHere = isMatch && Math.floor(count / PAGE) === this.page;
        count += isMatch;
        row.element.className = isHere ? "" : isMatch ? "elsewhere" : "filtered";
      }
      const pages = Math.max(1, Math.ceil(count / PAGE));
      const total = this.rows.length;
      const noun = total === 1 ? this.noun.slice(0, -1) : this.noun;
      const part = count === total ? "" : `${count} of `;
      this.status.textContent = `${part}${total} ${noun}`;
      this.place.textContent = `Page ${this.page + 1} of ${pages}`;
      this.steps.hidden = pages === 1;
      this.back.disabled = this.page === 0;
      this.next.disabled = this.page === pages - 1;
    }
  }

  async function copy(button) {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      // Some browsers keep the clipboard from local files.
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  }

  for (const section of document.querySelectorAll(".data:has(tbody)")) {
    new DataTable(section);
  }
  for (const button of document.querySelectorAll(".copy")) {
    button.hidden = false;
    button.onclick = () => copy(button);
  }
})();
