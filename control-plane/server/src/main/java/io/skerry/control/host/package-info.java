/**
 * What a running control plane stands on: its data folder, its addresses and the moment when it is
 * ready.
 */
@NullMarked
package io.skerry.control.host;

import org.jspecify.annotations.NullMarked;
