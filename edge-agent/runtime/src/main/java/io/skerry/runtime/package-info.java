/**
 * What an inference engine must offer; engines are found by {@link java.util.ServiceLoader}.
 *
 * <p>Start at {@link InferenceEngine}.
 */
@NullMarked
package io.skerry.runtime;

import org.jspecify.annotations.NullMarked;
