@NullMarked
package io.skerry.simulator.world;

import org.jspecify.annotations.NullMarked;
