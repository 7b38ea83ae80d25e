/**
 * Packaging: a version becomes one signed artifact for each hardware profile, in a process of its
 * own that measures every candidate.
 *
 * <p>Start at {@link io.skerry.control.packaging.PackagingService}.
 */
@NullMarked
package io.skerry.control.packaging;

import org.jspecify.annotations.NullMarked;
