/** Reaches into the control plane to measure it. */
@NullMarked
package io.skerry.control;

import org.jspecify.annotations.NullMarked;
