@NullMarked
package io.skerry.telemetry.signal;

import org.jspecify.annotations.NullMarked;
