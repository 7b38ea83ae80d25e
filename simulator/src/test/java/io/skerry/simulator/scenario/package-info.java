@NullMarked
package io.skerry.simulator.scenario;

import org.jspecify.annotations.NullMarked;
