/**
 * From examples to a trained, evaluated model in one process: read a job folder, train a small 1-D
 * convolutional network with PyTorch, export it as ONNX, and measure the exported file.
 *
 * <p>Start at {@link TrainingJob}.
 */
@NullMarked
package io.skerry.training;

import org.jspecify.annotations.NullMarked;
