/**
 * The fault catalogue: what happens to a device, its network and its control plane, and what must
 * hold after each. The tests run every entry, and so does {@code skerry bench link}. Start at
 * {@link Catalogue}.
 */
@NullMarked
package io.skerry.e2e.fault;

import org.jspecify.annotations.NullMarked;
