/**
 * ONNX Runtime as an inference engine.
 *
 * <p>Start at {@link OnnxEngine}.
 */
@NullMarked
package io.skerry.runtime.onnx;

import org.jspecify.annotations.NullMarked;
