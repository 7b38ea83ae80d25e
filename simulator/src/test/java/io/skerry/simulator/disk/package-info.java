@NullMarked
package io.skerry.simulator.disk;

import org.jspecify.annotations.NullMarked;
