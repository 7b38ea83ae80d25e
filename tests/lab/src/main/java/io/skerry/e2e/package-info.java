/** Real programs, started as a user starts them. */
@NullMarked
package io.skerry.e2e;

import org.jspecify.annotations.NullMarked;
