@NullMarked
package io.skerry.fleet.gate;

import org.jspecify.annotations.NullMarked;
