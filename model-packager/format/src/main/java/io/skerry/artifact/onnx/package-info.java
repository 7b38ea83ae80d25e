/**
 * What everybody reads alike of an ONNX file without loading it: which files its weights lie in.
 *
 * <p>Start at {@link io.skerry.artifact.onnx.OutsideWeights}.
 */
@NullMarked
package io.skerry.artifact.onnx;

import org.jspecify.annotations.NullMarked;
