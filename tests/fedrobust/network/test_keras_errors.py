"""The cause of an error of Keras, in one sentence."""

from fedrobust.network.keras_errors import cause_of


def test_the_error_about_a_file_is_the_cause_that_keras_puts_last():
    def said(message):
        return cause_of(ValueError(message))

    dump = f"could not be deserialized. config={'x' * 900} Exception encountered: "
    assert said(dump + "bad units") == "bad units"
    assert said(dump + dump + "bad  units\n") == "bad units"
    call = "Exception encountered when calling A.call().\n\n\x1b[1mpicky\x1b[0m\n\n"
    assert said(call + "Arguments received by A.call():\n x=Tensor") == "picky"
    long = said(dump + "y" * 900 + " the end")
    assert long.endswith("y the end")
    assert len(long) < 320
    assert said("File format not supported: " + "z" * 900).startswith("File format")
    known = "Could not locate class 'A'. Full object config: {'module': 'b.c', "
    assert said(known + "'class_name': 'A'}").endswith("--import b.c")
    assert said("Could not locate function 'f'. No dump").endswith("MODULE")
