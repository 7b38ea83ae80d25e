/** A device's disk in memory, with every fault a real one has. */
@NullMarked
package io.skerry.simulator.disk;

import org.jspecify.annotations.NullMarked;
