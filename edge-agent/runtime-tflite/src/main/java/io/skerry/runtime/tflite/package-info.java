/**
 * TensorFlow Lite with XNNPACK as an inference engine, where its native library loads.
 *
 * <p>Start at {@link TfliteEngine}.
 */
@NullMarked
package io.skerry.runtime.tflite;

import org.jspecify.annotations.NullMarked;
