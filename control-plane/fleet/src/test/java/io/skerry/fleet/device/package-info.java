@NullMarked
package io.skerry.fleet.device;

import org.jspecify.annotations.NullMarked;
