/**
 * {@code skerry bench AREA}: measures what an area promises on this machine. Start at {@link
 * BenchMain}; an area is an {@link Area}.
 */
@NullMarked
package io.skerry.bench;

import org.jspecify.annotations.NullMarked;
