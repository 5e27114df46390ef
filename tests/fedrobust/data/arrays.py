"""Images and labels as a user may have them."""

from tests.own_data import table

(X, Y), (X_TEST, Y_TEST) = table()
