/** The device's spool on a disk that can be stopped and damaged at any operation. */
@NullMarked
package io.skerry.simulator.spool;

import org.jspecify.annotations.NullMarked;
