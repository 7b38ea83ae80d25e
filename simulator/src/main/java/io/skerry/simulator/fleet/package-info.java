/**
 * Simulated devices: real agent cores with the real engines, each attached to a degrading machine.
 *
 * <p>Start at {@link FleetMain}, the process that holds them.
 */
@NullMarked
package io.skerry.simulator.fleet;

import org.jspecify.annotations.NullMarked;
