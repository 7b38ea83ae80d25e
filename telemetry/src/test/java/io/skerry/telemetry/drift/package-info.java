@NullMarked
package io.skerry.telemetry.drift;

import org.jspecify.annotations.NullMarked;
