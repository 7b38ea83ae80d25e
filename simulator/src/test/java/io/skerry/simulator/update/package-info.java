/** A device's updates on a disk that stops, fills, fails and forgets at every single operation. */
@NullMarked
package io.skerry.simulator.update;

import org.jspecify.annotations.NullMarked;
