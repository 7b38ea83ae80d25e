/**
 * The whole loop at a glance, as JSON and as the console's first page.
 *
 * <p>Reads every feature and decides nothing. The page is rendered to a string first, so that a
 * template's error is a clean answer; its parts are fetched again when an event names them. Start
 * at {@link io.skerry.control.overview.OverviewSource}.
 */
@NullMarked
package io.skerry.control.overview;

import org.jspecify.annotations.NullMarked;
