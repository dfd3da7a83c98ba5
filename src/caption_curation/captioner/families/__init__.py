"""Families of captioners, a module each, found by ``model_type`` of a model's config.json.

What a family is: a module with these functions and one constant. Everything else about a captioner
is common to all families: crops and augmentation, batches over processes and micro-batches, the
learning rate, checkpoints, losses from logits, adapters. ``captioner/model/captioner.py`` has the
types, and a function for each that finds the family.

``load_captioner(folder, image_size, instruction, device)``
    The model of a folder in the hub's layout, in float32, in evaluation mode, with all that it
    needs. An InputError says what does not fit: files, image size, an instruction it cannot take.
``save_captioner(captioner, folder)``
    The same layout, such that ``load_captioner`` gives the same model again.
``image_transform(captioner)``
    A function that can be pickled, from a picture of image_size × image_size pixels, already
    cropped and augmented, to a tensor or several by name, of the same shapes for all pictures.
``caption_tokens(captioner, captions, *, prompt, max_tokens)``
    Inputs and targets of the decoder. Targets are the caption's tokens and the end token;
    everything else, be it prompt, image or padding, is ``IGNORED`` or has no target.
``next_token_logits(captioner, pixels, tokens)``
    (captions, T, vocabulary), aligned with the targets; ``pixels`` has each caption's picture.
    Training and gradients go through it. It must not depend on what else is in the batch.
``shared_image_logits(captioner, pixels, image_index, tokens)``
    The same without gradients, of captions that share pictures: each is encoded once if the
    architecture allows it.
``check_lengths(captioner, prompt, evaluation, beam_length)``
    An InputError where captions of that length, or by that rule, cannot be made.
``beam_captions(captioner, pixels, *, prompt, evaluation, beam_length)``
    One caption a picture by beam search, without the prompt.
``DROPOUT_IN_FUNCTIONS``
    Whether the model calls torch's functions of dropout, besides modules; they are intercepted
    then, as what is dropped must not depend on how a batch is split.

A family of one type of model is a module of that type's name, with ``_`` for ``-``.
"""
