"""Quantizes a model with onnxruntime.quantization, for comparison: static QDQ, U8S8, per channel.

Arguments: float model, calibration items (NPY), folder for the results.
"""
import pathlib
import sys

import numpy
import onnxruntime
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

model, items, folder = sys.argv[1], numpy.load(sys.argv[2]), pathlib.Path(sys.argv[3])
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
name, shape = session.get_inputs()[0].name, session.get_inputs()[0].shape


class Items(CalibrationDataReader):
    def __init__(self):
        self.rest = iter(items)

    def get_next(self):
        item = next(self.rest, None)
        return None if item is None else {name: item.reshape([1] + shape[1:])}


prepared = str(folder / "prepared.onnx")
quant_pre_process(model, prepared)
for file, method, options in [
    ("minmax", CalibrationMethod.MinMax, {}),
    ("percentile-99.999", CalibrationMethod.Percentile, {"CalibPercentile": 99.999}),
    ("percentile-99.99", CalibrationMethod.Percentile, {"CalibPercentile": 99.99}),
]:
    quantize_static(
        prepared,
        str(folder / (file + ".onnx")),
        Items(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=method,
        extra_options=options,
    )
pathlib.Path(prepared).unlink()
(folder / "version").write_text(onnxruntime.__version__)
