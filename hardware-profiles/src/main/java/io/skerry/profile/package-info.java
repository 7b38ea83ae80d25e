/**
 * Hardware profiles: what a class of board can run, and how a board is recognised.
 *
 * <p>One YAML file per class. Start at {@link ProfileCatalog}; {@link FactsProbe} finds out what
 * this machine is.
 */
@NullMarked
package io.skerry.profile;

import org.jspecify.annotations.NullMarked;
