/** The arrows between modules and features, checked over the built classes. */
@NullMarked
package io.skerry.architecture;

import org.jspecify.annotations.NullMarked;
