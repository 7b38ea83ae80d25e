@NullMarked
package io.skerry.fleet.incident;

import org.jspecify.annotations.NullMarked;
