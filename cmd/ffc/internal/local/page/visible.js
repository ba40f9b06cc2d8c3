// Characters that are invisible, or that change the order of others, are shown as
// escapes: two flags or users that look alike need not be the same.
const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe00-\ufe0f\p{Cf}\p{Co}\p{Cn}\p{Cs}]/u;
const each = new RegExp(hidden, "gu");

// Joiners and selectors of emoji are a part of what is seen. This is no class of
// characters: Chromium 148 finds no emoji at the end of a text by one.
const emoji = /(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f)$/u;

export function visible(words) {
	if (!hidden.test(words)) return words;
	return words.replace(each, (character, at) => ("\u200d\ufe0f".includes(character) && emoji.test(words.slice(0, at)) ? character : escape(character)));
}

function escape(character) {
	const code = character.codePointAt(0);
	return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}
