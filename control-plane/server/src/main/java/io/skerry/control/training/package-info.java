/**
 * Training runs: a snapshot goes into a process of its own, a judged model comes out.
 *
 * <p>What a run made it tells as {@link io.skerry.control.training.RunSucceeded}; the registry
 * listens. Start at {@link io.skerry.control.training.Training}.
 */
@NullMarked
package io.skerry.control.training;

import org.jspecify.annotations.NullMarked;
