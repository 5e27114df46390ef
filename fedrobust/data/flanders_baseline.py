"""Images as the Flower baseline of FLANDERS reads them: test images stay raw.

Gabrielli et al., arXiv 2303.16668: the baseline standardises its training images to
-1..1 and gives its model the test images in 0..1, as they are. Other code does so too.
"""

from dataclasses import dataclass, replace

import numpy as np

from fedrobust.data.dataset import Split
from fedrobust.data.image_file import ImageFile
from strategies.validation import require


@dataclass(frozen=True, kw_only=True)
class RawTestImages(ImageFile):
    """Images of which only the training part is standardised for the model.

    The model's first layer standardises every image. So ``load`` undoes this on the
    test images in advance: the model then sees them as they are in the file.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            None not in (self.mean, self.std),
            "mean",
            self.mean,
            "given with std, as test images are raw only where others are standardised",
        )

    def load(self) -> Split:
        """Read the images, and undo the standardising of the test images.

        Raises
        ------
        MissingDataError, ValueError
            As for every data set.
        """
        split = super().load()
        std, mean = np.asarray(self.std), np.asarray(self.mean)
        return replace(split, x_test=np.asarray(split.x_test * std + mean, np.float32))
