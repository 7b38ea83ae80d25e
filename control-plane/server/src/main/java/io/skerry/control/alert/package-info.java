/**
 * Alerts: what somebody should know of is kept, logged, and told to whom it is for: by webhook, by
 * mail, through a Prometheus Alertmanager.
 *
 * <p>{@link Routing} decides, {@link Dispatcher} delivers. Start at {@link Alerts}.
 */
@NullMarked
package io.skerry.control.alert;

import org.jspecify.annotations.NullMarked;
