/**
 * Models, their versions with lineage, and the variants that devices get.
 *
 * <p>A version comes from a run or from a user's own file; its model file is a blob of the artifact
 * store. Start at {@link io.skerry.control.registry.Registry}.
 */
@NullMarked
package io.skerry.control.registry;

import org.jspecify.annotations.NullMarked;
