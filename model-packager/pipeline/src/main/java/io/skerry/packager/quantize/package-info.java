/**
 * Static int8 quantization: which tensors become integers, with which scale, and the ONNX file that
 * says so by QuantizeLinear and DequantizeLinear nodes.
 *
 * <p>Start at {@link Quantizer}; the arithmetic is in {@link QuantizationRules}.
 */
@NullMarked
package io.skerry.packager.quantize;

import org.jspecify.annotations.NullMarked;
