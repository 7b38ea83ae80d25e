/**
 * {@code skerry create keys} and {@code skerry rotate keys}: key ceremonies on files, without a
 * server and without a network.
 */
@NullMarked
package io.skerry.packager.keys;

import org.jspecify.annotations.NullMarked;
