/**
 * Rollouts whose devices are statistics, decided by the real machine and gates. Start at {@link
 * GateRates}.
 */
@NullMarked
package io.skerry.bench.rollouts;

import org.jspecify.annotations.NullMarked;
