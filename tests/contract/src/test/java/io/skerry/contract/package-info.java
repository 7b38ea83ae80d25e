/** Contracts of ports, run against the stand-in and against the real thing. */
@NullMarked
package io.skerry.contract;

import org.jspecify.annotations.NullMarked;
