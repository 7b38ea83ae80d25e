/** Programs that run apart from this one. */
@NullMarked
package io.skerry.packager.process;

import org.jspecify.annotations.NullMarked;
