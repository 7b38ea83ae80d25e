/**
 * From a trained model to one signed artifact per hardware profile: {@code graph -> calibrate ->
 * quantize, tflite -> measure -> sign}.
 *
 * <p>Start at {@link Packaging}; {@link Main} runs it as a job and as {@code skerry pack}.
 */
@NullMarked
package io.skerry.packager;

import org.jspecify.annotations.NullMarked;
