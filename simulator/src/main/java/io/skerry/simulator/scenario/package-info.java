/**
 * The library of scenarios and {@code ./skerry simulate}, which runs them.
 *
 * <p>Start at {@link io.skerry.simulator.scenario.Library}.
 */
@NullMarked
package io.skerry.simulator.scenario;

import org.jspecify.annotations.NullMarked;
