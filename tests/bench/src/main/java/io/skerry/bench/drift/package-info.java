/**
 * {@code skerry bench drift}: simulated fleets of known truth, what a device pays, and what other
 * rules would have said. Start at {@link DriftBench}.
 */
@NullMarked
package io.skerry.bench.drift;

import org.jspecify.annotations.NullMarked;
