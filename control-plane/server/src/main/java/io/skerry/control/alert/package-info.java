/**
 * Alerts: what somebody should know of is kept and logged.
 *
 * <p>Start at {@link Alerts}.
 */
@NullMarked
package io.skerry.control.alert;

import org.jspecify.annotations.NullMarked;
