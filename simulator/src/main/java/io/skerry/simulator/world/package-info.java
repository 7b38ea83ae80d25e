/**
 * A whole fleet in one thread, on a clock of its own: real agent cores, the real rollout engine,
 * ingest and drift code, and between them a broker, artifacts, a database and disks in memory whose
 * faults are drawn from a seed.
 *
 * <p>Start at {@link io.skerry.simulator.world.World} and {@link io.skerry.simulator.world.Fleet}.
 */
@NullMarked
package io.skerry.simulator.world;

import org.jspecify.annotations.NullMarked;
