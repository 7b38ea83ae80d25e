/** Opens the simulation's stand-ins to the contract. */
@NullMarked
package io.skerry.simulator.world;

import org.jspecify.annotations.NullMarked;
