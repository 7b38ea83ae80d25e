package io.skerry.api;

/**
 * A file of weights that an ONNX model keeps beside its own.
 *
 * @param name its path in the model's folder
 * @param blob digest of its content
 */
public record WeightFile(String name, String blob, long bytes) {}
