/** Telemetry records as they travel: the mapping to the generated messages. */
@NullMarked
package io.skerry.telemetry.wire;

import org.jspecify.annotations.NullMarked;
