/**
 * Degrading machines: what the simulated devices are attached to.
 *
 * <p>Start at {@link MachineData}: from NASA's C-MAPSS files, or generated from a seed.
 */
@NullMarked
package io.skerry.simulator.machine;

import org.jspecify.annotations.NullMarked;
