/**
 * What every HTTP answer has in common: request ids and problem documents.
 *
 * <p>Features throw {@link io.skerry.control.web.ProblemException}.
 */
@NullMarked
package io.skerry.control.web;

import org.jspecify.annotations.NullMarked;
