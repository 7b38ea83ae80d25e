/**
 * Writes a graph as a TFLite file, float or int8, channels last.
 *
 * <p>Start at {@link TfliteExport}.
 */
@NullMarked
package io.skerry.packager.tflite;

import org.jspecify.annotations.NullMarked;
