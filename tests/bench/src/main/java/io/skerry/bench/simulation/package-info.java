/**
 * {@code skerry bench simulation}: how fast, how small and how strict the fleet in a box is. Faults
 * are planted into compiled classes while they are loaded, so that the product knows nothing of
 * them. Start at {@link SimulationBench}.
 */
@NullMarked
package io.skerry.bench.simulation;

import org.jspecify.annotations.NullMarked;
