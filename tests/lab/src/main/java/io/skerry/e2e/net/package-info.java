/** A bad network between two programs of this machine. */
@NullMarked
package io.skerry.e2e.net;

import org.jspecify.annotations.NullMarked;
